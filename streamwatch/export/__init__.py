"""Exporters: what the hub holds, served and sent."""
