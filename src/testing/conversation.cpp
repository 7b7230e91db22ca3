// Waiting for a client, understanding it, and answering it.
#include "src/testing/conversation.hpp"

#include <array>
#include <cerrno>
#include <poll.h>

#include "src/testing/client_message.hpp"
#include "src/testing/failure.hpp"
#include "src/testing/loopback.hpp"
#include "src/testing/value_form.hpp"

namespace pg::testing {
namespace {

/// What a cancel request for that client has to show: no other client's key, and not its number.
std::string key_of(int number) {
    const std::uint32_t key = static_cast<std::uint32_t>(number) ^ 0x6b657973;
    return {static_cast<char>(key >> 24), static_cast<char>(key >> 16), static_cast<char>(key >> 8),
            static_cast<char>(key)};
}

bool try_again(int code) { return code == EAGAIN || code == EINTR; }

}  // namespace

bool Conversation::Impl::wait(short events) const {
    if (!socket) return false;
    std::array<pollfd, 2> awaited{{{.fd = socket.get(), .events = events, .revents = 0},
                                   {.fd = state.stop_descriptor(), .events = POLLIN, .revents = 0}}};
    while (::poll(awaited.data(), awaited.size(), -1) < 0) continue;  // a signal
    return awaited[1].revents == 0;
}

bool Conversation::Impl::fill() {
    std::array<char, 8192> bytes{};
    while (wait(POLLIN)) {
        const ssize_t count = ::recv(socket.get(), bytes.data(), bytes.size(), 0);
        if (count > 0) {
            input.append(bytes.data(), static_cast<std::size_t>(count));
            return true;
        }
        if (count == 0 || !try_again(errno)) return false;
    }
    return false;
}

ClientMessage Conversation::Impl::next() {
    for (;;) {
        if (auto message = cut_client_message(input, !started)) {
            resolve(*message);
            return *std::move(message);
        }
        if (!fill()) return {};
    }
}

void Conversation::Impl::resolve(ClientMessage& message) const {
    const auto prepared = statements.find(message.statement);
    const auto portal = portals.find(message.portal);
    switch (message.kind) {
        case MessageKind::bind:
            if (prepared == statements.end()) return;
            message.sql = prepared->second.sql;
            message.types = prepared->second.types;
            return;
        case MessageKind::describe:
            if (message.about_portal && portal != portals.end()) message.sql = portal->second.sql;
            if (!message.about_portal && prepared != statements.end()) message.sql = prepared->second.sql;
            return;
        case MessageKind::execute: {
            if (portal == portals.end()) return;
            const ClientMessage& bound = portal->second;
            message.sql = bound.sql;
            message.statement = bound.statement;
            message.types = bound.types;
            message.arguments = bound.arguments;
            message.argument_formats = bound.argument_formats;
            message.result_formats = bound.result_formats;
            return;
        }
        default: return;
    }
}

void Conversation::Impl::take_in(const ClientMessage& message) {
    switch (message.kind) {
        case MessageKind::startup: started = true; return;
        case MessageKind::cancel_request:
            // A request with a wrong key is nobody's, as a server takes it.
            if (message.key == key_of(message.process)) state.add_cancel(message.process);
            return;
        case MessageKind::parse: statements[message.statement] = {message.sql, message.types}; return;
        case MessageKind::bind: portals[message.portal] = message; return;
        case MessageKind::close:
            if (message.about_portal)
                portals.erase(message.portal);
            else
                statements.erase(message.statement);
            return;
        case MessageKind::query:
        case MessageKind::execute: state.add_statement(statement_of(message)); return;
        default: return;
    }
}

FakeStatement Conversation::Impl::statement_of(const ClientMessage& message) const {
    FakeStatement statement{.client = number, .sql = message.sql, .arguments = message.arguments};
    for (std::size_t i = 0; i < statement.arguments.size() && i < message.types.size(); ++i) {
        auto& argument = statement.arguments[i];
        if (!argument || message.argument_formats[i] == Format::text) continue;
        if (auto text = other_form(message.types[i], Format::binary, *argument)) argument = std::move(text);
    }
    return statement;
}

Conversation::Conversation(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Conversation::~Conversation() { close(); }

int Conversation::number() const noexcept { return impl_->number; }

bool Conversation::let_in(const Welcome& welcome) {
    for (;;) {
        const MessageKind kind = receive().kind;
        if (kind == MessageKind::startup) break;
        if (kind != MessageKind::tls_request && kind != MessageKind::gss_request) return false;
        send("N");
    }
    Reply greeting;
    greeting.authentication(0)
        .parameter("server_version", welcome.server_version)
        .parameter("server_encoding", "UTF8")
        .parameter("client_encoding", "UTF8")
        .parameter("standard_conforming_strings", "on")
        .parameter("integer_datetimes", "on")
        .parameter("DateStyle", "ISO, MDY")
        .parameter("IntervalStyle", "postgres")
        .parameter("TimeZone", "UTC");
    for (const auto& [name, value] : welcome.parameters) greeting.parameter(name, value);
    send(greeting.backend_key(number(), key_of(number())).ready());
    return true;
}

ClientMessage Conversation::receive() {
    ClientMessage message = impl_->next();
    impl_->take_in(message);
    return message;
}

ClientMessage Conversation::expect(MessageKind kind) {
    ClientMessage message = receive();
    if (message.kind != kind)
        failure(ErrorKind::protocol, "the script waits for " + std::string(to_string(kind)) + ", and what comes is " +
                                         std::string(to_string(message.kind)))
            .raise();
    return message;
}

ClientMessage Conversation::receive_until(MessageKind kind) {
    for (;;) {
        ClientMessage message = receive();
        if (message.kind == kind || message.kind == MessageKind::left) return message;
    }
}

void Conversation::ignore() {
    while (impl_->fill()) impl_->input.clear();
}

void Conversation::send(std::string_view bytes) {
    while (!bytes.empty() && impl_->wait(POLLOUT)) {
        const ssize_t count = ::send(impl_->socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count > 0)
            bytes.remove_prefix(static_cast<std::size_t>(count));
        else if (!try_again(errno))
            return;
    }
}

bool Conversation::wait_for_cue() { return impl_->state.wait_for_cue(); }
bool Conversation::wait_for_cancel() {
    if (!impl_->state.wait_for_cancel(impl_->number, impl_->cancels_heard)) return false;
    ++impl_->cancels_heard;
    return true;
}

void Conversation::close() {
    if (impl_->socket) close_with(Farewell::fin, impl_->socket);
}
void Conversation::reset() {
    if (impl_->socket) close_with(Farewell::reset, impl_->socket);
}

void Conversation::report(std::string_view failure) { impl_->state.add_failure(impl_->number, failure); }

}  // namespace pg::testing
