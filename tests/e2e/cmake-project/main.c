#include <stdio.h>

int work(void);

int main(void)
{
    printf("%d\n", work());
    return 0;
}
