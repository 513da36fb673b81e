select 'a' as line_id, 1 as quantity
