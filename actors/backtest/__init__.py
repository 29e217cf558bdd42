"""Yesterday's market through the actors that trade today: data, engine, metrics, report and search."""
