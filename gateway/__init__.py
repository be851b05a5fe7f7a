"""An HTTP/JSON gateway to gRPC services: serves whatever a descriptor set annotates with google.api.http."""
