"""Would anybody notice? The modules that decide, each with one small mistake at a time, under the tests that are about them."""
