/* park.pml with all tasks from another thread: so that who takes one from the injector leaves others there. */

// MUTATION TAKES_WITHOUT_TELLING: who takes from the injector doesn't send another for the rest
// MUTATION FINDS_WITHOUT_LOOKING: who ends its search with a task doesn't look once more

#define FROM_GUEST WORKERS
#include "park.pml"
