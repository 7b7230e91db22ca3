# The floors: which component may include which. A file includes only its own component and lower
# floors; two components on one floor never include each other. The build reads this table, and
# tests/repository/floors.py holds the code against it.
#
# component | floor | folder of its sources | its public headers, under include/pg

set(PGCLIENT_COMPONENTS)
macro(pgclient_floor floor component folder)
  list(APPEND PGCLIENT_COMPONENTS ${component})
  set(PGCLIENT_FLOOR_${component} ${floor})
  set(PGCLIENT_FOLDER_${component} ${folder})
  set(PGCLIENT_HEADERS_${component} ${ARGN})
endmacro()

pgclient_floor(0 base src/base
  fwd.hpp error.hpp expected.hpp error_rules.hpp sqlstate.hpp options.hpp deadline.hpp stop.hpp secret.hpp config.hpp)
pgclient_floor(1 value src/value
  sql.hpp params.hpp codec.hpp scalar_codecs.hpp reflect.hpp describe.hpp row.hpp rows.hpp result.hpp
  column_matches.hpp catalog.hpp types/*.hpp)
pgclient_floor(1 wire src/wire)
pgclient_floor(2 spi src/spi
  spi/*.hpp)
# Between the seam, which they implement in part, and those who stand on them: providers and the pool.
pgclient_floor(2.2 fibers src/fibers)
pgclient_floor(3 core src/core
  client.hpp connection.hpp executor.hpp metrics.hpp transaction.hpp savepoint.hpp prepared.hpp batch.hpp copy.hpp
  listener.hpp large_object.hpp async.hpp async_calls.hpp async_copy.hpp async_large_object.hpp
  async_listener.hpp async_operation.hpp async_savepoint.hpp recycled.hpp
  statement_cache.hpp tenancy.hpp task.hpp)
pgclient_floor(4 pool src/pool
  pool/*.hpp)
pgclient_floor(5 testing src/testing
  testing/*.hpp)
# A provider implements floor 2. Only assembly and programs include it.
pgclient_floor(side libpq providers/libpq)
pgclient_floor(side async providers/async)
pgclient_floor(6 assembly src/assembly)
pgclient_floor(6 integrations src/integrations integrations/*.hpp)
