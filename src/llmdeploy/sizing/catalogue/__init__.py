"""What is known of models, accelerators and rented machines: data files with a source and a date on every row."""
