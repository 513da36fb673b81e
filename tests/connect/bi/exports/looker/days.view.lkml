view: days {
  sql_table_name: @{schema}.daily ;;

  dimension_group: day {
    type: time
    timeframes: [date, month]
    sql: ${TABLE}.sold_on ;;
  }
  dimension: lines { type: number }
  dimension: clerk { hidden: yes }
  dimension: big { type: yesno sql: ${revenue_of_day} > 100 ;; }
  dimension: revenue_of_day { sql: ${TABLE}."revenue" ;; }
  dimension: loop { sql: ${loop_too} ;; }
  dimension: loop_too { sql: ${loop} ;; }
  measure: revenue {
    type: sum
    sql: ${revenue_of_day} ;;
    filters: [big: "yes"]
  }
  measure: per_line { type: number sql: 1.0 * ${revenue} / nullif(sum(${lines}), 0) ;; }
  measure: count { type: count }
}

view: +days {
  dimension: half { sql: {% if x._in_query %} ${TABLE}.revenue / 2 {% endif %} ;; }
}
view: people { sql_table_name: shop_orders.people ;; dimension: id {} }
view: weather {
  sql_table_name: shop_orders.weather ;;
  dimension: day { primary_key: yes }
  measure: count { type: count }
}
