connection: "lake"
include: "/*.view"

explore: daily {
  label: "Days"
  view_name: days
  sql_always_where: ${days.day_date} > '2020-01-01' ;;
  join: weather {
    type: left_outer
    relationship: one_to_one
    sql_on: ${days.day_date} = ${weather.day} ;;
  }
  join: clerks {
    from: people
    relationship: many_to_one
    sql_on: ${days.clerk} = ${clerks.id} ;;
  }
}

explore: buyers {
  always_filter: { filters: [buyers.lines: ">0"] }
}
explore: best {}
explore: loud {}
