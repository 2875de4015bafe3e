"""What serves a method: HTTP_PROXY, HTTP and MOCK. Sockets are behind `base.Endpoints`."""
