"""One module for each verb, with one function of the same name; its signature is the verb's options."""
