"""The program file as types."""
