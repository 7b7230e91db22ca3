# What entry_points.py knows of the public headers beside the rows: which functions cannot wait for the server, and why.

# Folders and headers without a verb of a client.
FOLDERS = {
    "spi/": "the seam for providers: what a session is asked to do has the time of the request that asks",
    "testing/": "servers, proxies and fakes for tests: a test that waits for them is over by its own time limit",
    "types/": "values and their codecs",
}
HEADERS = {
    "describe.hpp": "reflection, at compile time",
    "fwd.hpp": "declares what the others define",
    "reflect.hpp": "reflection, at compile time",
}

# Classes of which no function waits, by the reason; those in them are meant too.
VALUES = {
    "what a user supplies: whoever waits for it has a deadline of their own": "CredentialSource",
    "errors, and what is said in them": """
        SqlState ErrorFields Error UsageError ShapeError EncodeError DecodeError NoRows TooManyRows ConnectError AuthError
        TlsError ConnectionLost ProtocolError Timeout PoolTimeout Cancelled ServerError ConstraintViolation UniqueViolation
        ForeignKeyViolation CheckViolation NotNullViolation ExclusionViolation Conflict ReadOnly PlanInvalidated
        CommitUnknown CommitRolledBack ResultTooLarge ErrorFacts ErrorRuling Expected""",
    "options": "Options PoolHooks PoolOptions PoolRule PoolStatement QueryOptions Query TransactionOptions",
    "settings, read out of a text, files and the environment": "Credential Host Setting PasswordAnswer Config Secret",
    "what came whole": "Affected Cell Column FirstDone Heard ResultStorage Result Row Rows RowSink",
    "statements and arguments on their way into a request": "InlineParams Params RuntimeSql Sql SqlScan",
    "values on their way in and out of their wire forms": "Codec Fault TypeCatalog TypeField TypeId TypeInfo WireType Writer",
    "a number that clients share": "PoolBudget PoolBudget::Impl",
    "numbers of one moment": "Latencies Loan MetricsSnapshot PoolCounts PoolStats PoolTimeoutDetails RequestNumbers StatementCacheStats",
    "counts and times, without a lock": "LatencyRecorder Metrics",
    "says what a request is to have": "Tenancy",
    "points in time, and the asking for a stop": "Deadline StopCallback StopToken",
    "the result of a batch that was run, or an error that it was not": "Deferred",
    "a coroutine: what it awaits may wait": "Task",
    "defined within the library": "Client::Impl Connection::Impl Transaction::Impl",
}

# Functions of the other classes, and of none.
FUNCTIONS = {
    "takes over or shares what is there": """
        AsyncClient::AsyncClient AsyncConnection::AsyncConnection AsyncExecutor::AsyncExecutor
        AsyncLargeObject::AsyncLargeObject AsyncListener::AsyncListener AsyncSavepoint::AsyncSavepoint
        AsyncTransaction::AsyncTransaction Async::Async AsyncStream::Next::Next Batch::Batch Batch::operator=
        Client::Client Client::async Client::prepare Connection::Connection CopyOut::Iterator::Iterator Executor::Executor
        Executor::with Prepared::Prepared Prepared::on Savepoint::Savepoint Stream::Iterator::Iterator
        Transaction::Transaction Tuned::Tuned AsyncExecutor::with AsyncExecutor::batch
        integrations::AsioEventLoop::AsioEventLoop integrations::AsioScheduler::AsioScheduler
        integrations::AsioScheduler::~AsioScheduler for_tenant""",
    "says what is known here": """
        AsyncConnection::backend_process AsyncConnection::engine AsyncCopyWriter::columns AsyncExecutor::options
        AsyncExecutor::target AsyncLargeObject::oid AsyncTransaction::is_committed AsyncTransaction::is_open
        AsyncTransaction::may_have_committed
        Batch::empty Batch::size Client::impl Client::pool Client::statement_cache Connection::backend_process Connection::engine
        Connection::impl Connection::node Connection::parameter Connection::server_version CopyWriter::columns
        LargeObject::oid Listener::backend_process Pool::loans Pool::stats Prepared::sql Prepared::statement
        Transaction::is_committed Transaction::is_open Transaction::may_have_committed""",
    "adds to what a later run sends, or forgets it": """
        Batch::add Batch::clear Batch::exec Batch::query Batch::query_all Batch::query_maybe Batch::query_one""",
    "tells the pool whether to lend; what it lends then goes to those that wait": "Pool::resume Pool::suspend",
    "is gone with the last client, which has a row": "Pool::~Pool",
    "opens no session before a verb needs one": "open try_open",
    "suspends or goes on, and returns": """
        Async::await_ready Async::await_resume Async::await_suspend Async::call_back Async::start Async::stop
        AsyncStream::Next::await_ready AsyncStream::Next::await_resume AsyncStream::Next::await_suspend
        AsyncStream::Next::stop integrations::async_wait when_all when_any""",
    "the first rows came with the stream": "Stream::begin",
    "an end, or the row that was read last": """
        CopyOut::Iterator::operator* CopyOut::Iterator::operator-> CopyOut::Iterator::operator== CopyOut::end
        Stream::Iterator::operator* Stream::Iterator::operator-> Stream::Iterator::operator== Stream::end""",
    "borrows what it works on, or is a base of what has a row": """
        AsyncExecutor::~AsyncExecutor AsyncStream::Next::~Next Batch::~Batch CopyOut::Iterator::~Iterator
        Executor::~Executor Stream::Iterator::~Iterator Tuned::~Tuned""",
    "works on values and texts": "decode_cell earlier rule_on runtime scan_sql sent_phase to_prepare to_string",
}
