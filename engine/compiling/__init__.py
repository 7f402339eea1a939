"""Programs to the arrays that the kernel takes."""
