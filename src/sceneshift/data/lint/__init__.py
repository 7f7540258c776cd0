"""What pending migrations do that is dangerous where people work with the database."""
