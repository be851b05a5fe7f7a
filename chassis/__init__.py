"""What every service needs and none of them owns: the microservice chassis."""
