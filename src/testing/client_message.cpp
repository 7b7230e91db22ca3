// Kinds of message, and the parts of each.
#include "src/testing/client_message.hpp"

#include "src/wire/client_messages.hpp"

namespace pg::testing {
namespace {

std::vector<Format> formats(const std::vector<std::int16_t>& codes) {
    std::vector<Format> all;
    all.reserve(codes.size());
    for (const std::int16_t code : codes) all.push_back(code == 1 ? Format::binary : Format::text);
    return all;
}

/// Each returns false when the body is malformed. @{
bool read_start(std::string_view body, ClientMessage& message) {
    const auto read = wire::read_startup(body);
    if (!read) return false;
    switch (read->request) {
        case wire::StartupRequest::cancel:
            message.kind = MessageKind::cancel_request;
            message.process = read->process;
            message.key = read->key;
            return true;
        case wire::StartupRequest::tls: message.kind = MessageKind::tls_request; return true;
        case wire::StartupRequest::gss_encryption: message.kind = MessageKind::gss_request; return true;
        default:
            message.kind = MessageKind::startup;
            message.protocol = static_cast<std::uint32_t>(read->request);
            for (const auto& [name, value] : read->settings)
                message.settings.push_back({std::string(name), std::string(value)});
            return true;
    }
}

bool read_parse(std::string_view body, ClientMessage& message) {
    const auto read = wire::read_parse(body);
    if (!read) return false;
    message.statement = read->statement;
    message.sql = read->sql;
    for (const std::uint32_t type : read->types) message.types.push_back(Oid{type});
    return true;
}

bool read_bind(std::string_view body, ClientMessage& message) {
    const auto read = wire::read_bind(body);
    if (!read) return false;
    message.portal = read->portal;
    message.statement = read->statement;
    for (const auto& argument : read->arguments)
        message.arguments.push_back(argument ? std::optional<std::string>(*argument) : std::nullopt);
    // No format at all is text for all, and one is for all.
    message.argument_formats = formats(read->argument_formats);
    if (message.argument_formats.size() <= 1)
        message.argument_formats.resize(message.arguments.size(), message.argument_formats.empty()
                                                                      ? Format::text
                                                                      : message.argument_formats.front());
    message.result_formats = formats(read->result_formats);
    return message.argument_formats.size() == message.arguments.size();
}

bool read_named(std::string_view body, ClientMessage& message) {
    const auto read = wire::read_named(body);
    if (!read) return false;
    message.about_portal = read->what == wire::Named::portal;
    (message.about_portal ? message.portal : message.statement) = read->name;
    return true;
}

bool read_execute(std::string_view body, ClientMessage& message) {
    const auto read = wire::read_execute(body);
    if (!read) return false;
    message.portal = read->portal;
    message.most_rows = read->most_rows;
    return true;
}

bool read_text(std::string_view body, std::string& text) {
    const auto read = wire::read_text(body);
    if (!read) return false;
    text = *read;
    return true;
}

bool read_body(MessageKind kind, std::string_view body, ClientMessage& message) {
    switch (kind) {
        case MessageKind::query: return read_text(body, message.sql);
        case MessageKind::parse: return read_parse(body, message);
        case MessageKind::bind: return read_bind(body, message);
        case MessageKind::describe:
        case MessageKind::close: return read_named(body, message);
        case MessageKind::execute: return read_execute(body, message);
        case MessageKind::copy_fail: return read_text(body, message.data);
        // SASL's answers are no texts, and CopyData is whatever it is.
        case MessageKind::password:
        case MessageKind::copy_data: message.data = body; return true;
        case MessageKind::copy_done:
        case MessageKind::flush:
        case MessageKind::sync:
        case MessageKind::terminate: return body.empty();
        case MessageKind::function_call: return true;
        default: return false;
    }
}
/// @}

}  // namespace

std::optional<ClientMessage> cut_client_message(std::string& bytes, bool startup) {
    std::string_view rest = bytes;
    const auto frame = wire::cut_client_frame(rest, startup);
    if (!frame) return std::nullopt;
    ClientMessage message;
    bool good = false;
    if (frame->type) {
        message.kind = static_cast<MessageKind>(*frame->type);
        good = read_body(message.kind, frame->body, message);
    } else {
        good = read_start(frame->body, message);
    }
    if (!good) message = {.kind = MessageKind::malformed};
    message.body = frame->body;
    bytes.erase(0, bytes.size() - rest.size());
    return message;
}

std::string_view to_string(MessageKind kind) {
    switch (kind) {
        case MessageKind::left: return "the end of the connection";
        case MessageKind::startup: return "a startup packet";
        case MessageKind::cancel_request: return "a cancel request";
        case MessageKind::tls_request: return "a request for TLS";
        case MessageKind::gss_request: return "a request for GSS encryption";
        case MessageKind::malformed: return "a malformed message";
        case MessageKind::bind: return "Bind";
        case MessageKind::close: return "Close";
        case MessageKind::copy_data: return "CopyData";
        case MessageKind::copy_done: return "CopyDone";
        case MessageKind::copy_fail: return "CopyFail";
        case MessageKind::describe: return "Describe";
        case MessageKind::execute: return "Execute";
        case MessageKind::flush: return "Flush";
        case MessageKind::function_call: return "FunctionCall";
        case MessageKind::parse: return "Parse";
        case MessageKind::password: return "a password";
        case MessageKind::query: return "Query";
        case MessageKind::sync: return "Sync";
        case MessageKind::terminate: return "Terminate";
    }
    return "a message of an unknown kind";
}

}  // namespace pg::testing
