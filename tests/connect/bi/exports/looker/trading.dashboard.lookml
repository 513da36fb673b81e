- dashboard: trading
  title: Trading
  layout: newspaper
  filters:
  - name: Day
    type: field_filter
    model: trading
    explore: daily
    field: days.day_date
  elements:
  - name: per line
    model: trading
    explore: daily
    type: looker_line
    fields: [days.day_month, days.per_line, twice]
    dynamic_fields:
    - table_calculation: twice
      expression: "${days.revenue} * 2"
    sorts: [days.day_month desc]
    listen:
      Day: days.day_date
  - name: words
    type: text
    title_text: Read me
- dashboard: people
  title: Who buys
  extends: trading
  elements:
  - name: per line
    model: trading
    explore: buyers
    fields: [buyers.spent]
  - name: wet days
    model: trading
    explore: daily
    fields: [weather.count]
  - name: best
    model: trading
    explore: best
    fields: [best.buyer]
- dashboard: doubtful
  elements:
  - {name: a, model: trading, explore: loud, fields: [loud.noise]}
  - {name: b, model: trading, explore: daily, fields: [days.half, days.nothing, days.loop]}
  - {name: c, model: trading, explore: nowhere, fields: [nowhere.x]}
  - {name: d, look: 41}
