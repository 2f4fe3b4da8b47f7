// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/rbctl/client.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <thread>

namespace rb {
namespace {

using nlohmann::json;

/// A daemon with a script: it takes one connection, reads one line, answers with the given octets and closes.
class FakeDaemon {
 public:
  explicit FakeDaemon(std::string answer) : answer_(std::move(answer)) {
    std::string directory = (std::filesystem::temp_directory_path() / "rbctl-test-XXXXXX").string();
    if (::mkdtemp(directory.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path_ = directory + "/control.sock";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
    listener_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
        ::listen(listener_.get(), 1) != 0) {
      throw std::runtime_error("cannot listen");
    }
    thread_ = std::thread([this] { serve(); });
  }
  ~FakeDaemon() {
    finish();
    std::filesystem::remove_all(std::filesystem::path(path_).parent_path());
  }
  FakeDaemon(const FakeDaemon&) = delete;
  FakeDaemon& operator=(const FakeDaemon&) = delete;

  void finish() {
    if (thread_.joinable()) thread_.join();
  }
  [[nodiscard]] const std::string& path() const { return path_; }
  // The received request, valid after finish().
  json request;
  UniqueFd descriptor;

 private:
  void serve() {
    const UniqueFd peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    std::string line;
    while (line.find('\n') == std::string::npos && receive(peer.get(), line)) {
    }
    request = json::parse(line, nullptr, false);
    // The answer is sent in two parts, so that the client meets half a line.
    const std::size_t half = answer_.size() / 2;
    (void)::send(peer.get(), answer_.data(), half, MSG_NOSIGNAL);
    (void)::send(peer.get(), answer_.data() + half, answer_.size() - half, MSG_NOSIGNAL);
  }

  bool receive(int peer, std::string& line) {
    std::array<char, 4096> buffer;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    iovec piece{buffer.data(), buffer.size()};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t size = ::recvmsg(peer, &message, MSG_CMSG_CLOEXEC);
    if (size <= 0) return false;
    line.append(buffer.data(), static_cast<std::size_t>(size));
    if (const cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr && header->cmsg_type == SCM_RIGHTS) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header), sizeof(fd));
      descriptor.reset(fd);
    }
    return true;
  }

  std::string answer_;
  std::string path_;
  UniqueFd listener_;
  std::thread thread_;
};

Result<json> call_once(const std::string& answer) {
  FakeDaemon daemon(answer);
  auto client = Client::connect(daemon.path());
  if (!client) return std::unexpected(client.error());
  return client->call({"daemon.info"});
}

TEST(Client, SendsARequestAndGivesItsResult) {
  FakeDaemon daemon(R"({"jsonrpc":"2.0","id":1,"result":{"pid":7}})"
                    "\n");
  auto client = Client::connect(daemon.path());
  ASSERT_TRUE(client.has_value()) << client.error().message;
  const auto result = client->call({"bridge.add", {{"name", "br0"}}});
  ASSERT_TRUE(result.has_value()) << result.error().message;
  EXPECT_EQ(result->at("pid"), 7);
  daemon.finish();
  EXPECT_EQ(daemon.request, json::parse(R"({"jsonrpc":"2.0","id":1,"method":"bridge.add","params":{"name":"br0"}})"));
}

TEST(Client, GivesTheDaemonsErrorWithItsKind) {
  const auto failed =
      call_once(R"({"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"no","data":{"kind":"table_full"}}})"
                "\n");
  EXPECT_EQ(failed.error().code, ErrorCode::kTableFull);
  EXPECT_EQ(failed.error().message, "no");
  const auto forbidden = call_once(R"({"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"no"}})"
                                   "\n");
  EXPECT_EQ(forbidden.error().code, ErrorCode::kPermission);
  const auto refused = call_once(R"({"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"too many"}})"
                                 "\n");
  EXPECT_EQ(refused.error().message, "too many");
}

TEST(Client, FailsWhenTheOtherSideTalksNonsense) {
  for (const char* answer :
       {"", "hello\n", "[]\n", "{}\n", "{\"id\":1}\n", "{\"id\":2,\"result\":{}}\n", "{\"method\":5}\n",
        "{\"id\":1,\"error\":{\"code\":\"x\",\"message\":7}}\n", "{\"id\":1"}) {
    EXPECT_FALSE(call_once(answer).has_value()) << answer;
  }
}

TEST(Client, KeepsEventsThatComeBeforeTheAnswer) {
  FakeDaemon daemon(R"({"jsonrpc":"2.0","method":"event","params":{"kind":"lost","count":1}})"
                    "\n"
                    R"({"jsonrpc":"2.0","id":1,"result":{}})"
                    "\n"
                    R"({"jsonrpc":"2.0","method":"event","params":{"kind":"lost","count":2}})"
                    "\n");
  auto client = Client::connect(daemon.path());
  ASSERT_TRUE(client->call({"monitor"}).has_value());
  EXPECT_EQ(client->next_event().value()->at("count"), 1);
  EXPECT_EQ(client->next_event().value()->at("count"), 2);
  EXPECT_FALSE(client->next_event().value().has_value());  // the daemon has closed
}

TEST(Client, OpensTheNamespaceOfAPortAndSendsIt) {
  FakeDaemon daemon(R"({"jsonrpc":"2.0","id":1,"result":{}})"
                    "\n");
  auto client = Client::connect(daemon.path());
  const Request request{"port.add", {{"bridge", "br0"}, {"port", {{"name", "tap1"}, {"netns", "/proc/self/ns/net"}}}}};
  ASSERT_TRUE(client->call_opening_netns(request).has_value());
  daemon.finish();
  EXPECT_EQ(daemon.request["params"]["port"]["netns_fd"], 0);
  struct stat sent{};
  struct stat own{};
  ASSERT_EQ(::fstat(daemon.descriptor.get(), &sent), 0);
  ASSERT_EQ(::stat("/proc/self/ns/net", &own), 0);
  EXPECT_EQ(sent.st_ino, own.st_ino);
}

TEST(Client, RefusesAFileThatIsNoNamespace) {
  FakeDaemon daemon("");
  auto client = Client::connect(daemon.path());
  for (const char* label : {"/dev/null", "/proc/self/ns/pid", "no-such-namespace", "/no/such/file"}) {
    const Request request{"port.add", {{"bridge", "br0"}, {"port", {{"name", "tap1"}, {"netns", label}}}}};
    EXPECT_EQ(client->call_opening_netns(request).error().code, ErrorCode::kInvalidArgument) << label;
  }
  (void)client->call({"daemon.info"});
}

TEST(Client, SaysThatTheDaemonIsNotThere) {
  const auto client = Client::connect("/nonexistent/control.sock");
  EXPECT_EQ(client.error().message,
            "ringbridged is not running: nobody listens on /nonexistent/control.sock; start it, or name its socket by "
            "--socket or RINGBRIDGE_SOCKET");
  EXPECT_EQ(Client::connect(std::string(200, 'x')).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(Client::connect("").error().code, ErrorCode::kInvalidArgument);
}

TEST(Client, RefusesTextThatIsNotUtf8) {
  FakeDaemon daemon(R"({"jsonrpc":"2.0","id":2,"result":{}})"
                    "\n");
  auto client = Client::connect(daemon.path());
  EXPECT_EQ(client->call({"bridge.add", {{"name", "br\xff"}}}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(client->call({"bridge.add", {{"name", "br0"}}}).has_value());
}

TEST(Client, KnowsEveryKindOfError) {
  for (int code = 0; code <= static_cast<int>(ErrorCode::kSystem); ++code) {
    EXPECT_EQ(error_code_of(error_name(static_cast<ErrorCode>(code))), static_cast<ErrorCode>(code));
  }
  EXPECT_EQ(error_code_of("unheard_of"), ErrorCode::kSystem);
}

}  // namespace
}  // namespace rb
