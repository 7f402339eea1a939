"""The general way of folding; the kernel's own."""
