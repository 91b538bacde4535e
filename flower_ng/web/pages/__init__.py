"""Pages are what people see, one module each: a frozen view and the Page that makes it."""
