"""Dispatch: on-call rota and incident dispatch for victim support and social on-call teams."""
