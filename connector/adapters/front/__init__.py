"""Front's side of the connector: tokens, the carriers of requests, and the sender that joins them."""
