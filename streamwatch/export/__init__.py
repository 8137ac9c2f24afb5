"""Exporters: what the store holds, told to the outside."""
