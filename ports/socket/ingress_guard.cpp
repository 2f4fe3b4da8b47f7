// SPDX-License-Identifier: GPL-2.0-or-later
#include "ports/socket/ingress_guard.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

namespace rb {
namespace {

constexpr int kPriority = -500;               // earlier than the chains of other programs
constexpr std::uint32_t kTableFlagOwner = 2;  // NFT_TABLE_F_OWNER

using Table = std::unique_ptr<nftnl_table, decltype(&nftnl_table_free)>;
using Chain = std::unique_ptr<nftnl_chain, decltype(&nftnl_chain_free)>;
using Messages = std::unique_ptr<mnl_nlmsg_batch, decltype(&mnl_nlmsg_batch_stop)>;

void* next_message(const Messages& batch) {
  (void)mnl_nlmsg_batch_next(batch.get());
  return mnl_nlmsg_batch_current(batch.get());
}

void add_mark(const Messages& batch, std::uint16_t type, std::uint32_t sequence) {
  nlmsghdr* message = mnl_nlmsg_put_header(mnl_nlmsg_batch_current(batch.get()));
  message->nlmsg_type = type;
  message->nlmsg_flags = NLM_F_REQUEST;
  message->nlmsg_seq = sequence;
  auto* family = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(nfgenmsg)));
  family->nfgen_family = AF_UNSPEC;
  family->version = NFNETLINK_V0;
  family->res_id = htons(NFNL_SUBSYS_NFTABLES);
}

/// Makes one transaction: a table of ours with one chain, whose policy is to drop.
Messages make_transaction(std::array<char, 8192>& buffer, const std::string& table_name, const std::string& interface,
                          const Table& table, const Chain& chain) {
  Messages batch(mnl_nlmsg_batch_start(buffer.data(), buffer.size() / 2), mnl_nlmsg_batch_stop);
  std::uint32_t sequence = 1;
  add_mark(batch, NFNL_MSG_BATCH_BEGIN, sequence++);
  (void)next_message(batch);

  nftnl_table_set_u32(table.get(), NFTNL_TABLE_FAMILY, NFPROTO_NETDEV);
  nftnl_table_set_str(table.get(), NFTNL_TABLE_NAME, table_name.c_str());
  nftnl_table_set_u32(table.get(), NFTNL_TABLE_FLAGS, kTableFlagOwner);
  nlmsghdr* message = nftnl_nlmsg_build_hdr(static_cast<char*>(mnl_nlmsg_batch_current(batch.get())), NFT_MSG_NEWTABLE,
                                            NFPROTO_NETDEV, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, sequence++);
  nftnl_table_nlmsg_build_payload(message, table.get());
  (void)next_message(batch);

  nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_TABLE, table_name.c_str());
  nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_NAME, "ingress");
  nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_TYPE, "filter");
  nftnl_chain_set_u32(chain.get(), NFTNL_CHAIN_HOOKNUM, NF_NETDEV_INGRESS);
  nftnl_chain_set_s32(chain.get(), NFTNL_CHAIN_PRIO, kPriority);
  nftnl_chain_set_u32(chain.get(), NFTNL_CHAIN_POLICY, NF_DROP);
  nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_DEV, interface.c_str());
  message = nftnl_nlmsg_build_hdr(static_cast<char*>(mnl_nlmsg_batch_current(batch.get())), NFT_MSG_NEWCHAIN,
                                  NFPROTO_NETDEV, NLM_F_CREATE | NLM_F_ACK, sequence++);
  nftnl_chain_nlmsg_build_payload(message, chain.get());
  (void)next_message(batch);

  add_mark(batch, NFNL_MSG_BATCH_END, sequence);
  (void)next_message(batch);
  return batch;
}

/// Returns 0, or the errno of the first message that was refused. The two messages of a transaction are answered one by
/// one, and a refusal of either undoes both.
int read_answers(int fd, int expected) {
  std::array<char, 8192> buffer;
  for (int answers = 0; answers < expected;) {
    const ssize_t size = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (size < 0) return errno;
    int left = static_cast<int>(size);
    for (auto* message = reinterpret_cast<nlmsghdr*>(buffer.data()); mnl_nlmsg_ok(message, left);
         message = mnl_nlmsg_next(message, &left)) {
      if (message->nlmsg_type != NLMSG_ERROR) continue;
      int error = 0;
      std::memcpy(&error, mnl_nlmsg_get_payload(message), sizeof error);
      if (error != 0) return -error;
      ++answers;
    }
  }
  return 0;
}

}  // namespace

Result<UniqueFd> guard_ingress(const std::string& interface) {
  UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
  if (!fd) return fail(ErrorCode::kNotSupported, fmt::format("nf_tables: {}", std::strerror(errno)));
  const std::string name = fmt::format("ringbridge-{}-{}", interface, ::getpid());
  const Table table(nftnl_table_alloc(), nftnl_table_free);
  const Chain chain(nftnl_chain_alloc(), nftnl_chain_free);
  std::array<char, 8192> buffer{};
  const Messages batch = make_transaction(buffer, name, interface, table, chain);
  int error = 0;
  if (::send(fd.get(), mnl_nlmsg_batch_head(batch.get()), mnl_nlmsg_batch_size(batch.get()), 0) < 0)
    error = errno;
  else
    error = read_answers(fd.get(), 2);
  if (error == 0) return fd;
  const ErrorCode code = error == EPERM || error == EACCES ? ErrorCode::kPermission
                         : error == EOPNOTSUPP || error == ENOENT || error == EAFNOSUPPORT || error == EPROTONOSUPPORT
                             ? ErrorCode::kNotSupported
                             : ErrorCode::kSystem;
  return fail(code, fmt::format("nf_tables refuses to drop what {} gives the host's own stack: {}", interface,
                                std::strerror(error)));
}

}  // namespace rb
