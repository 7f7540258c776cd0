"""Side-by-side measurements against peers; `inv bench.*` runs them."""
