"""AWS's control API of API Gateway v1. Handlers take values: aiohttp is met in `edge` alone."""
