"""JSON Schemas with pictures: do answers fit, how many are cut, what do they speak of?"""
