"""What trained models are used for: explore, anomalies, features, cleaned and translated images."""
