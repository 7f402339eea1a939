"""The short way of plain sales; the kernel's own."""
