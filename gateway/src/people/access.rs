//! Who may do what, and where: the only place that says it.

use truyvet_engine::registry::{Account, Role};
use truyvet_schemas::person::Document;

/// Who is asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Nobody known.
    Nobody,
    /// Somebody on this machine.
    Local,
    /// Whoever may read the data directory, and showed what is in it.
    Operator,
    /// An official.
    Official(Box<Account>),
    /// A citizen who proved to have the phone.
    Citizen {
        /// The document that the code was asked for.
        document: Document,
        /// The phone.
        phone: String,
    },
}

/// What may be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permission {
    /// Ask about sites, areas and how busy they are.
    Look,
    /// Ask trace questions, which name nobody.
    Trace,
    /// Import, enrol, seal, back up, watch the server.
    Operate,
    /// Check passes and confirm passages.
    Check,
    /// Check vehicles at a depot, seal them, and write down who is aboard.
    Seal,
    /// See who a person is, and who travels from and to the area.
    FindPeople,
    /// Hold people at checkpoints, take passes back.
    Hold,
    /// Order quarantine, end it, have somebody stay elsewhere.
    Order,
    /// Enter what citizens declared on paper: see [`People::may_enter`](super::People::may_enter).
    Paper,
    /// Enter who arrives at the border, and see them: see the head of `arrivals`.
    Border,
    /// Set epidemic levels of areas.
    Situation,
    /// Give out accounts.
    Accounts,
    /// Read the audit log.
    Audit,
    /// Make new keys.
    Keys,
}

impl Permission {
    /// Every permission.
    pub const ALL: [Self; 14] = [
        Self::Look,
        Self::Trace,
        Self::Operate,
        Self::Check,
        Self::Seal,
        Self::FindPeople,
        Self::Hold,
        Self::Order,
        Self::Paper,
        Self::Border,
        Self::Situation,
        Self::Accounts,
        Self::Audit,
        Self::Keys,
    ];
}

impl Caller {
    /// Whether this is allowed, where the record asked about allows it too.
    pub fn may(&self, permission: Permission) -> bool {
        match self {
            Self::Nobody | Self::Citizen { .. } => false,
            Self::Local => local_may(permission),
            Self::Operator => operator_may(permission),
            Self::Official(account) => role_may(account.role, permission),
        }
    }

    /// What the audit log calls the caller.
    pub fn actor(&self) -> &str {
        match self {
            Self::Nobody => "nobody",
            Self::Local => "local",
            Self::Operator => "owner",
            Self::Official(account) => &account.account,
            Self::Citizen { .. } => "citizen",
        }
    }
}

/// Nobody's personal data, and no account that could see it.
fn local_may(permission: Permission) -> bool {
    use Permission::{Look, Operate, Trace};
    matches!(permission, Look | Trace | Operate)
}

/// Nobody's personal data: that needs an account, whose name stands in the audit log.
fn operator_may(permission: Permission) -> bool {
    use Permission::{Accounts, Audit, Keys};
    local_may(permission) || matches!(permission, Accounts | Audit | Keys)
}

fn role_may(role: Role, permission: Permission) -> bool {
    use Permission::{
        Accounts, Audit, Border, Check, FindPeople, Hold, Keys, Look, Operate, Order, Paper, Seal, Situation,
        Trace,
    };
    match role {
        Role::Officer => matches!(permission, Look | Check | Seal | Paper | Border),
        Role::Ward => matches!(permission, Look | FindPeople | Paper),
        Role::Health => {
            matches!(permission, Look | Trace | FindPeople | Hold | Order | Paper | Border | Situation)
        }
        Role::Epidemiologist => matches!(permission, Look | Trace | FindPeople | Hold | Order | Situation),
        Role::Operator => matches!(permission, Look | Operate),
        Role::Administrator => matches!(permission, Look | Accounts | Audit | Keys),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_what_its_work_needs_and_no_more() {
        let allowed = |role| -> Vec<Permission> {
            Permission::ALL.into_iter().filter(|permission| role_may(role, *permission)).collect()
        };
        use Permission::*;
        assert_eq!(allowed(Role::Officer), [Look, Check, Seal, Paper, Border]);
        assert_eq!(allowed(Role::Ward), [Look, FindPeople, Paper]);
        assert_eq!(allowed(Role::Health), [Look, Trace, FindPeople, Hold, Order, Paper, Border, Situation]);
        assert_eq!(allowed(Role::Epidemiologist), [Look, Trace, FindPeople, Hold, Order, Situation]);
        assert_eq!(allowed(Role::Operator), [Look, Operate]);
        assert_eq!(allowed(Role::Administrator), [Look, Accounts, Audit, Keys]);
        for caller in [Caller::Local, Caller::Operator] {
            assert!(
                [FindPeople, Check, Seal, Hold, Order, Paper, Border, Situation]
                    .iter()
                    .all(|permission| !caller.may(*permission))
            );
        }
        assert!(Permission::ALL.iter().all(|permission| !Caller::Nobody.may(*permission)));
        assert!(Caller::Local.may(Trace) && !Caller::Local.may(Accounts) && Caller::Operator.may(Accounts));
    }
}
