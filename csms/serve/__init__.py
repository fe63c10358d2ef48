"""Serving the ASGI application on Daphne or Uvicorn, with the same behaviour towards stations.

`websocket` is the one WebSocket implementation, mounted on either server by `daphne` and `uvicorn`.
"""
