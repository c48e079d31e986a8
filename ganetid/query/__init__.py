"""Ganeti's query language: fields, filters and the rows they are asked of."""
