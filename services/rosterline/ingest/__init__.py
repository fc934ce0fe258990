"""Commands on written records: checked by the rules, stored in schema `records`, answered."""
