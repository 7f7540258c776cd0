RIBBON = "red"
