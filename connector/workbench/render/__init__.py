"""`render`: what one record becomes, shown."""
