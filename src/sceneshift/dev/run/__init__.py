"""Running processes: by a shell, or by fork of a zygote."""
