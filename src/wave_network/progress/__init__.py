"""How far long work is: stages that any room reports, and one display of them."""
