"""NeuroBench's metrics of torch modules."""
