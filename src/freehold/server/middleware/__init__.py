"""What every request passes, outermost first. Each is one plain ASGI class that decides as much as it can when made."""
