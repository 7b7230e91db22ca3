// PGCLIENT_API: what a shared build of the library exports. Everything else stays hidden.
#pragma once

#if defined(PGCLIENT_SHARED) || defined(PGCLIENT_BUILDING)
#define PGCLIENT_API __attribute__((visibility("default")))
#else
#define PGCLIENT_API
#endif
