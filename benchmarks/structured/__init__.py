"""JSON Schemas with pictures: shares of answers that fit, are cut, and name the subject."""
