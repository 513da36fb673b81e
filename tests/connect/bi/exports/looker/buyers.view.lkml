view: base_of_buyers {
  extension: required
  dimension: buyer { primary_key: yes sql: ${TABLE}.buyer ;; }
}
view: buyers {
  extends: [base_of_buyers]
  derived_table: {
    sql: select l.buyer, count(*) as lines, sum(l.amount) as spent
         from shop_orders.lines l where l.quantity > 0 group by l.buyer ;;
  }
  dimension: lines { type: number }
  measure: spent { type: sum sql: ${TABLE}.spent ;; }
}
view: best {
  derived_table: { sql: select * from ${buyers.SQL_TABLE_NAME} where spent > 100 ;; }
  dimension: buyer {}
}
view: loud {
  sql_table_name: {{ _user_attributes['schema'] }}.loud ;;
  dimension: noise {}
}
