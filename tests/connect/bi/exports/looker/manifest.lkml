constant: schema { value: "shop_orders" }
