"""Messages to customers and staff, and the attempts to deliver them."""
