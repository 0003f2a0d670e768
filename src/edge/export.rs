//! What the platform calls. Exports have to be in the crate that becomes the worker, and there is one of each.

/// The handler of requests and the class of the Durable Object, over the bots of this registry.
#[doc(hidden)]
#[macro_export]
macro_rules! export_worker {
    ($registry:path) => {
        const _: () = {
            use $crate::edge::wasm_bindgen::prelude::{JsValue, wasm_bindgen};
            use $crate::edge::{DurableObjectState, Env, Object, Promise, Request};

            /// Answers a request.
            #[wasm_bindgen(wasm_bindgen = $crate::edge::wasm_bindgen)]
            pub fn fetch(request: Request, env: Env, _context: JsValue) -> Promise {
                $crate::edge::fetch(request, env, $registry)
            }

            /// A conversation in flight.
            #[wasm_bindgen(wasm_bindgen = $crate::edge::wasm_bindgen)]
            pub struct Conversation(Object);

            #[wasm_bindgen(wasm_bindgen = $crate::edge::wasm_bindgen)]
            impl Conversation {
                /// The object with this storage, in this environment.
                #[wasm_bindgen(constructor)]
                pub fn new(state: DurableObjectState, env: Env) -> Self {
                    Self(Object::new(state, &env, $registry))
                }

                /// Answers a request of the hop.
                pub fn fetch(&self, request: &Request) -> Promise {
                    self.0.fetch(request)
                }

                /// The alarm has gone off.
                pub fn alarm(&self) -> Promise {
                    self.0.alarm()
                }
            }
        };
    };
}
