"""What the gateway tells about itself: metrics, access and execution logs, its own log."""
