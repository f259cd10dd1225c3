//! Rewrites macros and call blocks: the variables in their scope, their defaults, and how they are called.

use super::{Result, Rewriter, ast, constant, filter, given, macros, store, unknown, var};
use ast::{Expr, Spanned, Stmt};
use minijinja::value::Value;

/// The names of the parameters for surplus arguments in a macro that does not use them. No template can use these
/// names.
const UNUSED: [&str; 2] = ["*", "**"];

impl Rewriter {
    /// From here on, `name` is a variable of its own and may shadow one of [`macros::REST`].
    pub(super) fn hide(&self, name: &str) {
        let hidden = self.hidden.get();
        self.hidden
            .set([0, 1].map(|at| hidden[at] || macros::REST[at] == name));
    }

    /// A macro, followed by the statement that wraps it: `{% set NAME = NAME | macro(signature) %}`.
    ///
    /// The body begins with assignments of the defaults: in order, so that one may use an earlier parameter, and only
    /// where no argument is given; an undefined argument stays undefined, and so does a later parameter that is not given.
    pub(super) fn wrapped<'a>(&self, of: &Spanned<ast::Macro<'a>>) -> Result<[Stmt<'a>; 2]> {
        let span = of.span();
        let names = argument_names(of);
        let first = names.len() - of.defaults.len();
        let mut body = Vec::with_capacity(of.defaults.len() + of.body.len());
        for (at, default) in (first..).zip(&of.defaults) {
            let unset = names[at..].iter().map(|&name| name.to_owned());
            let outer = self.unset.replace(unset.collect());
            let default = self.expression(default);
            self.unset.replace(outer);
            body.push(store(
                names[at],
                given(names[at], Some(default?), span),
                span,
            ));
        }
        let (mut inside, rest) = self.body(&names, &of.body)?;
        body.append(&mut inside);
        let mut args: Vec<_> = names.iter().map(|name| var(name, span)).collect();
        for at in [0, 1] {
            // A variable that the macro does not use must not shadow that of a macro around it.
            args.push(var(
                if rest[at] {
                    macros::REST[at]
                } else {
                    UNUSED[at]
                },
                span,
            ));
        }
        let made = ast::Macro {
            name: of.name,
            args,
            defaults: Vec::new(),
            body,
        };
        let signature = constant(
            Value::from_object(macros::Signature {
                names: names.into_iter().map(str::to_owned).collect(),
                defaults: of.defaults.len(),
                rest,
            }),
            span,
        );
        let expr = filter(macros::WRAP, var(of.name, span), vec![signature]);
        Ok([
            Stmt::Macro(Spanned::new(made, span)),
            store(of.name, expr, span),
        ])
    }

    /// The body of a macro with these parameters, and which variables of [`macros::REST`] it uses.
    fn body<'a>(&self, names: &[&str], of: &[Stmt<'a>]) -> Result<(Vec<Stmt<'a>>, [bool; 2])> {
        let (used, hidden) = (self.used.take(), self.hidden.take());
        names.iter().for_each(|name| self.hide(name));
        let body = self.statements(of)?;
        let inside = self.used.get();
        self.used
            .set([0, 1].map(|at| used[at] || (inside[at] && !hidden[at])));
        let here = self.hidden.get();
        self.hidden.set([0, 1].map(|at| here[at] || hidden[at]));
        Ok((body, inside))
    }

    /// The body of a `{% call %}` block. The engine calls it directly, so that its defaults are left to the engine.
    pub(super) fn caller<'a>(&self, of: &Spanned<ast::Macro<'a>>) -> Result<ast::Macro<'a>> {
        let defaults: Result<_> = of.defaults.iter().map(|of| self.expression(of)).collect();
        let names = argument_names(of);
        let (body, rest) = self.body(&names, &of.body)?;
        if rest != [false; 2] {
            return Err(unknown("varargs or kwargs of a call block"));
        }
        Ok(ast::Macro {
            name: of.name,
            args: names.iter().map(|name| var(name, of.span())).collect(),
            defaults: defaults?,
            body,
        })
    }
}

fn argument_names<'a>(of: &ast::Macro<'a>) -> Vec<&'a str> {
    let name = |argument: &Expr<'a>| match argument {
        Expr::Var(var) => Some(var.id),
        _ => None,
    };
    of.args.iter().filter_map(name).collect()
}
