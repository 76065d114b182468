"""Training side of libalitra: the model in PyTorch, its data, and the export that the C library reads."""
