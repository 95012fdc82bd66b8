/* Drives all(), of the file that is included, by hand: to its end, and cancelled after each number of polls. What it
 * holds then is dropped, the latest first, and nothing twice. */

int main(void)
{
    struct ac_waker waker;
    struct ac_context cx = { .waker = ac_noop_waker(&waker) };
    struct all__frame *frame = aligned_alloc(_Alignof(struct all__frame), sizeof *frame);
    int cancelled = 0, most = 0;
    quiet = yields = 1;
    for (int n = 0; n <= 5; n++) {
        all__init(frame, n);
        int polls = 0;
        while (polls < 1000 && all__poll(frame, &cx) == AC_PENDING)
            polls++;
        if (polls == 1000)
            while (all__cancel(frame, &cx) == AC_PENDING)
                continue;
        for (int stop = 0; stop <= polls && stop < 500; stop++) {
            all__init(frame, n);
            for (int i = 0; i < stop; i++)
                if (all__poll(frame, &cx) == AC_READY)
                    return 2;
            most = nheld > most ? nheld : most;
            while (all__cancel(frame, &cx) == AC_PENDING)
                continue;
            if (nheld)
                return 3;
            cancelled++;
        }
    }
    free(frame);
    return cancelled > 600 && most >= 5 ? 0 : 1;
}
