#define ANSWER 3
