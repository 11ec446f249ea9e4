/** What is true of Toy today and may change. */
export const API = "https://api.toy.example";
export const CLIENT_ID = "toy-client";
export const TERMS = "Toy allows everything. It is made up.";
